import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { toApiError, type ApiError } from '../lib/api.js';
import { downloadModel, MODEL_FORMATS, type ModelFormat } from '../lib/download.js';
import { Problem } from './feedback.js';

/** A menu of formats. */
export function DownloadModel({ repoId, modelId }: { repoId: string; modelId: string }): JSX.Element {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const download = async (format: ModelFormat): Promise<void> => {
    setBusy(format.id);
    try {
      await downloadModel(repoId, modelId, format);
      setError(null);
    } catch (cause) {
      setError(toApiError(cause));
    }
    setBusy(null);
  };
  return (
    <details class="menu">
      <summary class="button">Download</summary>
      <ul>
        {MODEL_FORMATS.map((format) => (
          <li key={format.id}>
            <button
              type="button"
              class="plain"
              disabled={busy !== null}
              onClick={() => void download(format)}
            >
              <b>{busy === format.id ? `${format.label}…` : format.label}</b>
              <span class="muted">{format.help}</span>
            </button>
          </li>
        ))}
      </ul>
      <Problem error={error} />
    </details>
  );
}
