/**
 * Lets the event loop run once. TF.js' own `nextFrame` waits for an animation frame, which never comes in a tab that is
 * not visible, and timers are slowed down there to one a second; neither holds for messages.
 */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') return void setImmediate(resolve);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
