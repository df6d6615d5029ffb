const VERSION = 1;

/** The three tables: what there is, its bytes in pieces, and what has to be remembered. */
export type Table = 'datasets' | 'chunks' | 'settings';

/** A promise for each request to IndexedDB; one connection, opened when it is first needed. */
export class Database {
  readonly #name: string;
  #opened: Promise<IDBDatabase> | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  async get(table: Table, key: IDBValidKey): Promise<unknown> {
    return this.#run(table, 'readonly', (store) => store.get(key));
  }

  async all(table: Table): Promise<unknown[]> {
    return this.#run(table, 'readonly', (store) => store.getAll());
  }

  /** Resolves when it is on the disk. @throws DOMException `QuotaExceededError` */
  async put(table: Table, key: IDBValidKey, value: unknown): Promise<void> {
    await this.#run(table, 'readwrite', (store) => store.put(value, key));
  }

  async delete(table: Table, key: IDBValidKey | IDBKeyRange): Promise<void> {
    await this.#run(table, 'readwrite', (store) => store.delete(key));
  }

  async close(): Promise<void> {
    (await this.#opened?.catch(() => null))?.close();
    this.#opened = null;
  }

  async #run<T>(
    table: Table,
    mode: IDBTransactionMode,
    request: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    const database = await this.#open();
    const transaction = database.transaction(table, mode);
    const asked = request(transaction.objectStore(table));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(reason(transaction.error));
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= new Promise((resolve, reject) => {
      const asked = indexedDB.open(this.#name, VERSION);
      asked.onupgradeneeded = () => {
        for (const table of ['datasets', 'chunks', 'settings']) asked.result.createObjectStore(table);
      };
      asked.onerror = () => reject(reason(asked.error));
      asked.onsuccess = () => {
        // A page of a later version need not wait for this one.
        asked.result.onversionchange = () => asked.result.close();
        resolve(asked.result);
      };
    });
    return this.#opened;
  }
}

function reason(error: DOMException | null): Error {
  return error ?? new Error('The browser gave up a transaction of IndexedDB.');
}
