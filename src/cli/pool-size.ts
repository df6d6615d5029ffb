import { CliError, EXIT } from './errors.js';
import { count } from './format.js';

/** How many processes of each kind. */
export interface PoolSize {
  readonly gateways: number;
  readonly coordinators: number;
  readonly aggregators: number;
  readonly evaluators: number;
  /** Processes that are all of these. */
  readonly allInOne: number;
}

/** One of each, or nothing beside processes that are all of them, unless it is said. @throws CliError */
export function poolSize(asked: Partial<PoolSize>): PoolSize {
  const { allInOne = 0 } = asked;
  const each = allInOne > 0 ? 0 : 1;
  const size = {
    gateways: asked.gateways ?? each,
    coordinators: asked.coordinators ?? each,
    aggregators: asked.aggregators ?? each,
    evaluators: asked.evaluators ?? each,
    allInOne,
  };
  for (const role of ['gateways', 'coordinators', 'aggregators'] as const) {
    if (size[role] + allInOne > 0) continue;
    throw new CliError(EXIT.usage, `A pool without ${role} does nothing.`, {
      advice: `Use --${role} 1 or more, or --all-in-one.`,
    });
  }
  return size;
}

/** `2 gateways, 1 coordinator, …`. */
export function describeSize({ allInOne, ...size }: PoolSize): string {
  const parts = [
    count(size.gateways, 'gateway'),
    count(size.coordinators, 'coordinator'),
    count(size.aggregators, 'aggregator'),
    count(size.evaluators, 'evaluator'),
  ];
  if (allInOne === 0) return parts.join(', ');
  const whole = `${allInOne} all-in-one ${allInOne === 1 ? 'process' : 'processes'}`;
  return [whole, ...parts.filter((part) => !part.startsWith('0 '))].join(', ');
}
