/** The id under which a session's last version is kept as a model of the Repo. */
export function resultModelId(sessionId: string): string {
  return `m-${sessionId}`;
}
