import { parser } from '@prometheus-io/lezer-promql';

export interface Query {
  /** What is wrong with it; null: Prometheus can read it. */
  readonly problem: string | null;
  /** Names of the metrics that it asks for. */
  readonly metrics: readonly string[];
  /** Names of labels in selectors and groupings, each with the metrics of its query. */
  readonly labels: readonly string[];
  /** Values that selectors compare a label with, split at the `|` of a pattern. */
  readonly values: readonly { readonly label: string; readonly value: string }[];
}

/** Reads a query with the grammar of Prometheus itself. Variables of Grafana stand for a duration. */
export function readQuery(expr: string): Query {
  const text = expr.replaceAll('$__rate_interval', '5m');
  const metrics: string[] = [];
  const labels: string[] = [];
  const values: { label: string; value: string }[] = [];
  let problem: string | null = null;
  const part = (node: { from: number; to: number }): string => text.slice(node.from, node.to);
  parser.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) problem ??= `"${text.slice(0, node.from)}" is not followed by what can be`;
      if (node.name === 'Identifier') metrics.push(part(node));
      if (node.name === 'LabelName') labels.push(part(node));
      if (node.name === 'UnquotedLabelMatcher') {
        const match = /^(\w+)\s*[!=]~?\s*"(.*)"$/.exec(part(node));
        for (const value of match?.[2]?.split('|') ?? []) values.push({ label: match?.[1] ?? '', value });
      }
    },
  });
  return { problem, metrics, labels, values };
}
