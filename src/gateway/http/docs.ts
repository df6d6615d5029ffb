import { existsSync } from 'node:fs';
import path from 'node:path';
import express, { type Express } from 'express';
import { packageRoot } from '../../telemetry/package-root.js';
import { openApiDocument } from '../openapi/document.js';
import type { GuardedApp } from './guarded.js';

/** Swagger UI, which the build copies; no page of another host is ever asked. */
const ASSETS = path.join(packageRoot(), 'dist/swagger-ui');

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>API of the cloud node pool</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;
// A file of its own: the content security policy allows no script within the page.
const START = `SwaggerUIBundle({ url: '/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true });\n`;

/** The API as a document, for programs and for people. */
export function docsRoutes(app: GuardedApp): void {
  let text: string | undefined;
  app.get('/v1/openapi.json', (_req, res) => {
    // Most gateways are never asked.
    text ??= JSON.stringify(openApiDocument());
    res.type('application/json').send(text);
  });
  app.get('/docs', (_req, res) => {
    res.type('html').send(PAGE);
  });
}

/** What the page loads. */
export function docsAssets(app: Express): void {
  app.use('/docs/start.js', (_req, res) => {
    res.type('text/javascript').send(START);
  });
  if (existsSync(ASSETS))
    app.use('/docs', express.static(ASSETS, { index: false, maxAge: '1h', redirect: false }));
}
