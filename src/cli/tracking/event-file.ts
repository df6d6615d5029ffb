import type { MetricPoint } from './points.js';

/*
 * TensorBoard's event files: TFRecords (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details)
 *   u64 length · u32 masked CRC of the length · data · u32 masked CRC of the data     (little-endian, CRC-32C)
 * of protobuf messages (tensorboard/compat/proto/event.proto and summary.proto)
 *   Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
 *   Summary { repeated Value value = 1; }     Value { string tag = 1; float simple_value = 2; }
 */

/** The record that a file begins with. */
export function versionRecord(atMs: number): Buffer {
  return record(Buffer.concat([wallTime(atMs), bytesField(3, Buffer.from('brain.Event:2'))]));
}

/** One record with all points of a step. */
export function pointsRecord(step: number, atMs: number, points: readonly MetricPoint[]): Buffer {
  const values = points.map(({ name, value }) => {
    const simple = Buffer.alloc(5);
    simple[0] = (2 << 3) | FIXED32;
    simple.writeFloatLE(value, 1);
    return bytesField(1, Buffer.concat([bytesField(1, Buffer.from(name)), simple]));
  });
  const head = [wallTime(atMs), varint((2 << 3) | VARINT), varint(step)];
  return record(Buffer.concat([...head, bytesField(5, Buffer.concat(values))]));
}

export interface ReadEvents {
  /** Where the last whole record ends; what comes after it was cut off or damaged. */
  readonly wholeBytes: number;
  readonly points: readonly Pick<MetricPoint, 'name' | 'step'>[];
}

/** Reads what the functions above have written, up to the first record that is not whole. */
export function readEvents(file: Buffer): ReadEvents {
  const points: { name: string; step: number }[] = [];
  let at = 0;
  while (at + 12 <= file.length) {
    const length = Number(file.readBigUInt64LE(at));
    const end = at + 12 + length;
    if (file.readUInt32LE(at + 8) !== maskedCrc(file.subarray(at, at + 8)) || end + 4 > file.length) break;
    const data = file.subarray(at + 12, end);
    if (file.readUInt32LE(end) !== maskedCrc(data)) break;
    const event = fieldsOf(data);
    const step = Number(event.find(({ field }) => field === 2)?.number ?? 0);
    for (const value of within(within(event, 5), 1)) {
      if (value.field === 1) points.push({ name: value.bytes.toString(), step });
    }
    at = end + 4;
  }
  return { wholeBytes: at, points };
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

function record(data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(data.length));
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc(data));
  return Buffer.concat([head, data, tail]);
}

function wallTime(atMs: number): Buffer {
  const field = Buffer.alloc(9);
  field[0] = (1 << 3) | FIXED64;
  field.writeDoubleLE(atMs / 1000, 1);
  return field;
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | BYTES), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

interface Field {
  readonly field: number;
  /** Of a varint. */
  readonly number: number;
  /** Of everything else. */
  readonly bytes: Buffer;
}

/** The fields of a message whose checksum is right. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = readVarint();
    const number = (key & 7) === VARINT ? readVarint() : 0;
    const length = { [FIXED64]: 8, [FIXED32]: 4, [BYTES]: 0, [VARINT]: 0 }[key & 7];
    if (length === undefined) throw new RangeError(`A protobuf field of the unknown type ${key & 7}`);
    const size = (key & 7) === BYTES ? readVarint() : length;
    fields.push({ field: key >> 3, number, bytes: message.subarray(at, at + size) });
    at += size;
  }
  return fields;
}

/** The fields of all messages in a field. */
function within(fields: readonly Field[], field: number): Field[] {
  return fields.filter((one) => one.field === field).flatMap(({ bytes }) => fieldsOf(bytes));
}

/** CRC-32C (Castagnoli), rotated and shifted so that a CRC of data with CRCs in it stays a good one. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc >>> 0;
});
