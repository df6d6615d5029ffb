import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SessionView } from '../../protocol/http.js';
import { api, path, toApiError, type ApiError } from '../lib/api.js';
import { Confirm } from './confirm.js';
import { Problem } from './feedback.js';

/** Pause, resume and cancel. */
export function SessionActions({
  session,
  onChanged,
}: {
  session: SessionView;
  onChanged: () => void;
}): JSX.Element {
  const { repoId, sessionId, pausedUntilMs, job } = session;
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [reason, setReason] = useState('');
  const change = async (what: 'pause' | 'resume' | 'cancel', body: object = {}): Promise<void> => {
    try {
      await api(`${path.session(repoId, sessionId)}/${what}`, { method: 'POST', body });
      setError(null);
    } catch (cause) {
      setError(toApiError(cause));
    }
    onChanged();
  };
  return (
    <div class="actions end">
      {pausedUntilMs === null ? (
        <button type="button" onClick={() => void change('pause')}>
          Pause
        </button>
      ) : (
        <button type="button" class="primary" onClick={() => void change('resume')}>
          Resume
        </button>
      )}
      <button type="button" class="danger" onClick={() => setAsking(true)}>
        Cancel session
      </button>
      <Problem error={error} />
      {isAsking && (
        <Confirm
          title={`Cancel “${job.name}”?`}
          action="Cancel session"
          onClose={() => setAsking(false)}
          onConfirm={() => void change('cancel', reason.trim() === '' ? {} : { reason: reason.trim() })}
        >
          <p>It ends now and can not be gone on with. Versions that are there stay.</p>
          <label for="reason">Reason</label>
          <input
            id="reason"
            maxLength={500}
            placeholder="cancelled by the owner"
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </Confirm>
      )}
    </div>
  );
}
