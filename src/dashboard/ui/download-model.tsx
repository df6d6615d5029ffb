import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { toApiError, type ApiError } from '../lib/api.js';
import { download, MODEL_FORMATS, type Downloadable, type ModelFormat } from '../lib/download.js';
import { Problem } from './feedback.js';
import { Menu } from './menu.js';

/** A menu of formats. */
export function DownloadModel({
  formats = MODEL_FORMATS,
  ...what
}: Downloadable & { readonly formats?: readonly ModelFormat[] }): JSX.Element {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const save = async (format: ModelFormat): Promise<void> => {
    setBusy(format.id);
    try {
      await download(what, format);
      setError(null);
    } catch (cause) {
      setError(toApiError(cause));
    }
    setBusy(null);
  };
  return (
    <Menu label="Download" group={what.url}>
      <ul>
        {formats.map((format) => (
          <li key={format.id}>
            <button type="button" class="plain" disabled={busy !== null} onClick={() => void save(format)}>
              <b>{busy === format.id ? `${format.label}…` : format.label}</b>
              <span class="muted">{format.help}</span>
            </button>
          </li>
        ))}
      </ul>
      <Problem error={error} />
    </Menu>
  );
}
