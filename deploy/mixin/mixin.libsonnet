// The alerts, the recording rules and the dashboards, as a Prometheus mixin. README.md shows its use.
//
// They are taken from what ships beside this folder, not written again: the rules from the PrometheusRule,
// in which the YAML aliases of the rules files are resolved.
local promql = import 'promql.libsonnet';

local shipped = {
  groups: std.parseYaml(
    importstr '../kubernetes/components/prometheus-operator/prometheusrule.yaml'
  ).spec.groups,
  dashboards: {
    'tcp-pressure-both-ends.json': importstr '../../grafana/dashboards/tcp-pressure-both-ends.json',
    'tcp-pressure-fleet.json': importstr '../../grafana/dashboards/tcp-pressure-fleet.json',
    'tcp-pressure-gateways.json': importstr '../../grafana/dashboards/tcp-pressure-gateways.json',
    'tcp-pressure-overview.json': importstr '../../grafana/dashboards/tcp-pressure-overview.json',
    'tcp-pressure-pool.json': importstr '../../grafana/dashboards/tcp-pressure-pool.json',
  },
  thresholds: (import 'config.libsonnet')._config.thresholds,
};
local shippedDocs = std.split([
  rule.annotations.runbook_url
  for group in shipped.groups
  for rule in group.rules
  if std.objectHas(rule, 'alert')
][0], '/runbooks/')[0];

(import 'config.libsonnet') {
  local config = self._config,

  local words(text) =
    local moved = if config.docsUrl == null then text else std.strReplace(text, shippedDocs, config.docsUrl);
    promql.cluster(moved, config.clusterLabel),

  local expression(text) =
    local jobs = config.jobMatcher + (if config.selector == '' then '' else ', ' + config.selector);
    local chosen = promql.select(text, config.selector);
    promql.cluster(std.strReplace(chosen, 'job="tcp-pressure-exporter"', jobs), config.clusterLabel),

  local threshold(rule) =
    local before = std.get(shipped.thresholds, rule.alert, null);
    local after = std.get(config.thresholds, rule.alert, null);
    if before == after then rule.expr else promql.compare(rule.expr, before, after),

  local alert(rule) =
    rule {
      expr: expression(threshold(rule)),
      annotations: std.mapWithKey(function(name, text) words(text), rule.annotations),
    } + std.get(config.overrides, rule.alert, {}),

  local record(rule) = rule { expr: expression(rule.expr) },

  local groups(key, made) = [
    group { rules: [made(rule) for rule in chosen] }
    for group in shipped.groups
    for chosen in [[
      rule
      for rule in group.rules
      if std.objectHas(rule, key) && !std.member(config.without, rule[key])
    ]]
    if std.length(chosen) > 0
  ],

  prometheusAlerts+:: { groups+: groups('alert', alert) },
  prometheusRules+:: { groups+: groups('record', record) },
  grafanaDashboards+:: {
    [name]: std.parseJson(words(shipped.dashboards[name]))
    for name in std.objectFields(shipped.dashboards)
  },
}
