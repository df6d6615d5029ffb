/** When a device may train. All of it is about its owner: whether they notice, and what it costs them. */
export interface Policy {
  /**
   * With the page out of sight: `train` on; `finish` the round and take no other; `stop` at once and give it back.
   * @default 'finish'
   */
  readonly whenHidden: Go;
  /** With the browser's data saver on: a round moves the whole model down and up. @default 'stop' */
  readonly whenSavingData: Go;
  /** On battery, at or below `minBatteryLevel`. @default 'stop' */
  readonly whenBatteryLow: Go;
  /** On battery, above it. @default 'train' */
  readonly whenOnBattery: Go;
  /** Share of a full battery, 0 … 1. @default 0.3 */
  readonly minBatteryLevel: number;
}

/** May take rounds; may end the one under way; may not train. */
export type Go = 'train' | 'finish' | 'stop';

export const DEFAULT_POLICY: Policy = {
  whenHidden: 'finish',
  whenSavingData: 'stop',
  whenBatteryLow: 'stop',
  whenOnBattery: 'train',
  minBatteryLevel: 0.3,
};

/** What the browser tells; null where it does not. */
export interface Conditions {
  readonly hidden: boolean;
  readonly saveData: boolean | null;
  readonly battery: { readonly charging: boolean; readonly level: number } | null;
}

export interface Verdict {
  readonly go: Go;
  /** Why not `train`: names of the fields of the policy that say so. */
  readonly because: readonly (keyof Policy)[];
}

/** The strictest of what applies. */
export function judge(policy: Policy, { hidden, saveData, battery }: Conditions): Verdict {
  const onBattery = battery !== null && !battery.charging;
  const isLow = onBattery && battery.level <= policy.minBatteryLevel;
  const applies: [boolean, keyof Policy, Go][] = [
    [hidden, 'whenHidden', policy.whenHidden],
    [saveData === true, 'whenSavingData', policy.whenSavingData],
    [isLow, 'whenBatteryLow', policy.whenBatteryLow],
    [onBattery && !isLow, 'whenOnBattery', policy.whenOnBattery],
  ];
  const limits = applies.filter(([holds, , go]) => holds && go !== 'train');
  const go = limits.some(([, , limit]) => limit === 'stop') ? 'stop' : limits.length > 0 ? 'finish' : 'train';
  return { go, because: limits.map(([, name]) => name) };
}
