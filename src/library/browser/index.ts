/**
 * The Library for web pages. `BrowserLibrary` does it all in a worker; `Library` is the same as in Node, for whoever
 * brings their own storage and thread.
 */
export * from '../index.js';
export { BrowserLibrary } from './browser-library.js';
export type { BrowserLibraryEvents, BrowserLibraryOptions, Consent } from './browser-library.js';
export type { BackendChoice, Probe } from './backend.js';
export type { StoredDataset } from './data-store.js';
export type { BrowserRound, BrowserState } from './messages.js';
export { DEFAULT_POLICY, judge } from './policy.js';
export type { Conditions, Go, Policy, Verdict } from './policy.js';
