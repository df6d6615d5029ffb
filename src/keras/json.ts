import { CloudNodeError } from '../protocol/errors.js';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** A Keras object as its configuration says it: `module` and `registered_name` only in Keras 3 and late Keras 2. */
export interface KerasObject extends JsonObject {
  class_name: string;
  config: JsonObject;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isKerasObject(value: unknown): value is KerasObject {
  return isObject(value) && typeof value['class_name'] === 'string' && isObject(value['config']);
}

/** A value that should be text, for a message or a comparison. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** @throws `invalid_model` */
export function parseObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badFile(`${what} is not valid JSON.`);
  }
  if (!isObject(value)) throw badFile(`${what} is not a JSON object.`);
  return value;
}

/** Fields of which Keras wants a Python float: 0 is not one, 0.0 is. */
const FLOATS = /"(momentum|beta|threshold)":(-?\d+)(?=[,}])/g;

/** JSON for Keras. Inside of a string the quotes of a field would have backslashes, so only fields are changed. */
export function pythonJson(value: unknown): string {
  return JSON.stringify(value).replace(FLOATS, '"$1":$2.0');
}

/** The file is broken, or not what it should be. */
export function badFile(message: string): CloudNodeError {
  return new CloudNodeError('invalid_model', message);
}

/** The file is fine; TF.js has no word for something in it. */
export function unsupported(layer: { name: string; className: string }, reason: string): CloudNodeError {
  return new CloudNodeError(
    'model_unsupported',
    `Layer "${layer.name.slice(0, 128)}" (${layer.className.slice(0, 64)}): ${reason}`,
  );
}
