// What a site may change. As it stands here the mixin is what ships: the same rules, the same dashboards.
{
  _config+:: {
    // Which targets are exporters, for `up`.
    jobMatcher: 'job="tcp-pressure-exporter"',

    // More matchers for every metric of the exporter in the rules, such as 'env="prod", team=~"edge|core"'.
    selector: '',

    // The label that tells clusters apart.
    clusterLabel: 'cluster',

    // Where the documents can be read. null: as committed, by `make manifests dashboards DOCS_URL=...`.
    docsUrl: null,

    // What an alert compares with, as it stands at the end of its expression.
    thresholds: {
      TcpPressureChurnNearCeiling: '0.8',
      TcpPressureConntrackCritical: '0.90',
      TcpPressureConntrackDrops: '0.1',
      TcpPressureConntrackHigh: '0.75',
      TcpPressureConntrackInsertFailed: '0.1',
      TcpPressureInboundPoolHigh: '0.70',
      TcpPressureListenQueueHigh: '0.8',
      TcpPressureMemoryCritical: '0.95',
      TcpPressureMemoryHigh: '0.80',
      TcpPressureNatPoolCritical: '0.85',
      TcpPressureNatPoolHigh: '0.75',
      TcpPressureOrphansCritical: '0.50',
      TcpPressureOrphansHigh: '0.25',
      TcpPressurePawsRejections: '0.1',
      TcpPressurePoolCritical: '0.90',
      TcpPressurePoolExhaustionSoon: '60',
      TcpPressurePoolHigh: '0.70',
      TcpPressureSourcePoolHigh: '0.80',
      TcpPressureSynSentPileup: '100',
      TcpPressureTimeWaitBucketsHigh: '0.8',
    },

    // Any other field of an alert: {TcpPressurePoolHigh+: {'for': '20m', labels+: {severity: 'info'}}}.
    overrides: {},

    // Alerts to leave out, by name.
    without: [],
  },
}
