import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { keepMessages, MESSAGES } from '../../src/gateway/http/messages.js';

describe('requests and answers of the server', () => {
  it("are Express's, and keep the prototype that they were made with", async () => {
    const app = express();
    keepMessages(app);
    const kept: boolean[] = [];
    app.use((req, res, next) => {
      req.app = res.app = app;
      next();
    });
    app.get('/', (req, res) => {
      kept.push(Object.getPrototypeOf(req) === MESSAGES.IncomingMessage.prototype);
      kept.push(Object.getPrototypeOf(res) === MESSAGES.ServerResponse.prototype);
      res.status(201).json({ asked: req.query['x'], host: req.get('Host') });
    });
    const server = createServer(MESSAGES, app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const answer = await fetch(`http://${host}/?x=1`);
      expect([answer.status, await answer.json()]).toEqual([201, { asked: '1', host }]);
      expect(kept).toEqual([true, true]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
