import { describe, expect, it } from '@jest/globals';
import { DEFAULT_POLICY, judge, type Conditions } from '../../src/library/browser/policy.js';

const fine: Conditions = { hidden: false, saveData: false, battery: { charging: true, level: 0.1 } };

describe('the policy of a device', () => {
  it.each<[string, Partial<Conditions>, ReturnType<typeof judge>]>([
    ['plugged in and visible', {}, { go: 'train', because: [] }],
    ['nothing told', { saveData: null, battery: null }, { go: 'train', because: [] }],
    ['out of sight', { hidden: true }, { go: 'finish', because: ['whenHidden'] }],
    ['saving data', { saveData: true }, { go: 'stop', because: ['whenSavingData'] }],
    ['on battery', { battery: { charging: false, level: 0.31 } }, { go: 'train', because: [] }],
    [
      'battery low',
      { battery: { charging: false, level: 0.3 } },
      { go: 'stop', because: ['whenBatteryLow'] },
    ],
    [
      'two of them: the strictest holds',
      { hidden: true, saveData: true },
      { go: 'stop', because: ['whenHidden', 'whenSavingData'] },
    ],
  ])('%s', (_, conditions, verdict) => {
    expect(judge(DEFAULT_POLICY, { ...fine, ...conditions })).toEqual(verdict);
  });

  it('can be another one', () => {
    const policy = { ...DEFAULT_POLICY, whenOnBattery: 'finish', minBatteryLevel: 0 } as const;
    const battery = { charging: false, level: 0.05 };
    expect(judge(policy, { ...fine, battery })).toEqual({ go: 'finish', because: ['whenOnBattery'] });
    expect(judge({ ...policy, whenHidden: 'train' }, { ...fine, hidden: true }).go).toBe('train');
  });
});
