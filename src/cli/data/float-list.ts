/** Numbers that become known one after another, 4 bytes each. */
export class FloatList {
  #values = new Float32Array(4_096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float32Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  /** Takes off what was pushed since the list had this length. */
  cut(length: number): void {
    this.#length = length;
  }

  /** A copy without spare room. */
  values(): Float32Array {
    return this.#values.slice(0, this.#length);
  }
}
