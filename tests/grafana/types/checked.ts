// What a dashboard may hold: Grafana's own types, down to the options of each kind of panel.
import type {
  Dashboard, FieldConfig, FieldConfigSource, GraphFieldConfig, Panel, RowPanel, TableFieldOptions,
} from '@grafana/schema';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as Table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as TimeSeries } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// Enums as JSON has them: their values, which TypeScript does not take for the enum itself.
type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

interface Drawn<Kind extends string, Options, Custom> extends Omit<Panel, 'type' | 'options' | 'fieldConfig'> {
  type: Kind;
  title: string;
  description: string;
  options: Options;
  fieldConfig: Omit<FieldConfigSource, 'defaults'> & {
    defaults: Omit<FieldConfig, 'custom'> & { custom: Custom };
  };
}

type AnyPanel =
  | RowPanel
  | Drawn<'stat', Stat, Record<string, never>>
  | Drawn<'table', Table, TableFieldOptions>
  | Drawn<'timeseries', TimeSeries, GraphFieldConfig>;

// Annotations are left out: the type does not know what a data source keeps there.
export type Checked = Plain<Omit<Dashboard, 'panels' | 'annotations'>> & {
  panels: Plain<AnyPanel>[];
  annotations: unknown;
};
