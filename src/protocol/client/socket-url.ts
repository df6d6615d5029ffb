/** Where a namespace of a gateway is: Socket.IO takes the namespace from the URL and the path apart. */
export function socketUrl(baseUrl: string, namespace: string): { url: string; path: string } {
  const { origin, pathname } = new URL(baseUrl);
  return { url: `${origin}${namespace}`, path: `${pathname.replace(/\/+$/, '')}/socket.io` };
}
