/**
 * A Library of the demo under a supervisor: it leaves when the demo is gone without having said so (its IPC channel
 * closes then), so that nothing stays behind after a `kill -9` of the demo.
 */
if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
await import('./library-process.js');
