// What a dashboard's JSON is checked against: the types of @grafana/schema, and beside them the
// fields that Grafana reads and that version of the types does not have.
import {
  AnnotationContainer,
  AnnotationQuery,
  Dashboard,
  Panel,
  RowPanel,
  VariableModel,
} from '@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen';

// A type as its JSON: an enumeration's members are their strings.
type Json<T> = T extends string
  ? `${T}`
  : T extends Array<infer U>
  ? Array<Json<U>>
  : T extends object
  ? { [K in keyof T]: Json<T[K]> }
  : T;

// Data source plugins have fields of their own in an annotation.
type PrometheusAnnotation = Omit<AnnotationQuery, 'target'> & {
  expr: string;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime?: boolean;
};
type GraphiteAnnotation = Omit<AnnotationQuery, 'target'> & {
  target: { refId: string; target: string; fromAnnotations: true; textEditor: true };
};
type Variable = VariableModel & {
  allValue?: string;
  definition?: string;
  includeAll?: boolean;
  regex?: string;
};

export type Checked = Json<
  Omit<Dashboard, 'annotations' | 'panels' | 'templating'> & {
    annotations: Omit<AnnotationContainer, 'list'> & { list: Array<PrometheusAnnotation | GraphiteAnnotation> };
    panels: Array<Panel | RowPanel>;
    templating: { list: Variable[] };
  }
>;
