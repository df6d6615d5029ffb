import {
  add,
  dropout,
  keep,
  matMul,
  mul,
  onesLike,
  split,
  sub,
  tidy,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import type { serialization, Tensor2D } from '@tensorflow/tfjs-core';
import type { GRU, GRUCell, GRULayerArgs } from '@tensorflow/tfjs-layers/dist/layers/recurrent.js';

type Config = serialization.ConfigDict & GRULayerArgs & { readonly resetAfter?: boolean };
type AddWeight = GRUCell['addWeight'];
type Inputs = Parameters<GRUCell['call']>[0];

/**
 * The GRU of Keras, which resets its state after the matrix product unless told otherwise (`reset_after`). The one of
 * TensorFlow.js throws when it is to. It has the same class name, so a topology says what it says in Keras; without
 * `resetAfter` it is the layer of TensorFlow.js as it was.
 *
 * With x the input, h the state, and the bias two rows, b of the input and c of the state:
 *
 *     z = σ(x·Wz + bz + h·Uz + cz)    r = σ(x·Wr + br + h·Ur + cr)
 *     n = tanh(x·Wn + bn + r ∘ (h·Un + cn))    h' = z ∘ h + (1 − z) ∘ n
 */
export function gruClass(): typeof GRU {
  // TensorFlow.js exports no classes, only what makes layers. A name keeps its count of layers as it is.
  const plain = layers.gru({ units: 1, name: 'gru' });
  const PlainGru = plain.constructor as typeof GRU;
  const PlainCell = plain.cell.constructor as typeof GRUCell;

  class ResetAfterCell extends PlainCell {
    constructor(config: Config) {
      super({ ...config, resetAfter: false });
    }

    override addWeight(...[name, shape, ...rest]: Parameters<AddWeight>): ReturnType<AddWeight> {
      return super.addWeight(name, name === 'bias' ? [2, ...shape] : shape, ...rest);
    }

    override call(inputs: Inputs, { training }: { training?: boolean }): Tensor[] {
      return tidy(() => {
        const [given, before] = inputs as [Tensor2D, Tensor2D];
        // One mask for all steps of a sequence; the layer frees it when the next one begins.
        const masks = this as { dropoutMask: Tensor | null; recurrentDropoutMask: Tensor | null };
        const dropped = (values: Tensor2D, which: keyof typeof masks, rate: number): Tensor2D => {
          if (training !== true || rate <= 0 || rate >= 1) return values;
          masks[which] ??= keep(dropout(onesLike(values), rate));
          return mul(values, masks[which]);
        };
        const state = dropped(before, 'recurrentDropoutMask', this.recurrentDropout);
        const ofInput = matMul(dropped(given, 'dropoutMask', this.dropout), this.kernel.read());
        const ofState = matMul(state, this.recurrentKernel.read());
        const [b, c] = this.useBias ? split(this.bias.read(), 2) : [];
        const [xz, xr, xn] = split(b === undefined ? ofInput : add(ofInput, b), 3, 1) as Three;
        const [hz, hr, hn] = split(c === undefined ? ofState : add(ofState, c), 3, 1) as Three;
        const z = this.recurrentActivation.apply(add(xz, hz));
        const r = this.recurrentActivation.apply(add(xr, hr));
        const n = this.activation.apply(add(xn, mul(r, hn)));
        const next = add(mul(z, state), mul(sub(1, z), n));
        return [next, next];
      });
    }

    override getConfig(): serialization.ConfigDict {
      return { ...super.getConfig(), resetAfter: true };
    }
  }

  class Gru extends PlainGru {
    constructor({ resetAfter, ...config }: Config) {
      super(config);
      if (resetAfter === true) Object.assign(this, { cell: new ResetAfterCell(config as Config) });
    }
  }
  return Gru;
}

type Three = [Tensor, Tensor, Tensor];
