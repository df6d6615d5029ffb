import type { Request } from 'express';
import * as z from 'zod';
import type { ModelView } from '../../protocol/http.js';
import { parse } from '../../protocol/parse.js';
import type { ModelRecord } from '../../protocol/model.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { uploadKerasFile } from '../service/keras-files.js';
import { uploadModel } from '../service/upload-model.js';
import { uploadModelAs } from '../service/upload-model-as.js';
import { answerJson, contentLength } from './answer.js';
import type { GuardedApp } from './guarded.js';
import { sendImmutableJson } from './immutable.js';
import { downloadFormat, KERAS_TYPES, sendKerasFile } from './send-keras.js';
import { downloadEncoding, sendWeights } from './send-weights.js';
import { modelJson } from './tfjs.js';
import { withBody } from './with-body.js';

/** `h5` and `keras` both say: a Keras file. Which one it is can be seen at its first bytes. */
const uploadQuery = z.strictObject({
  format: z.enum(['frame', 'h5', 'keras']).optional(),
  name: z.string().min(1).max(128).optional(),
});

export function modelRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const { models } = ctx.stores;

  /** The model whose weights somebody is about to read. */
  const audited = async (repoId: string, req: Request<{ modelId: string }>): Promise<ModelRecord> => {
    const model = await models.get(repoId, req.params.modelId);
    const target = { modelId: model.modelId, sha256: model.parameters.sha256 };
    ctx.audit.read(byRequest(ctx, req), { repoId, action: 'model.downloaded', target });
    return model;
  };

  app.post('/v1/repos/:repoId/models', async (req, res, { repoId }) => {
    const upload = { repoId, contentLength: contentLength(req) };
    const { format = formatOf(req), name } = parse(uploadQuery, req.query);
    const record = await uploadModelAs(ctx, byRequest(ctx, req), repoId, () =>
      withBody(req, (source) =>
        format === 'frame'
          ? uploadModel(ctx, { ...upload, source })
          : uploadKerasFile(ctx, { ...upload, source, name }),
      ),
    );
    await answerJson(req, res, 201, record);
  });

  app.get('/v1/repos/:repoId/models', async (req, res, { repoId }) => {
    res.json({ models: (await models.list(repoId)).map(viewModel) });
  });

  app.get('/v1/repos/:repoId/models/:modelId', async (req, res, { repoId }) => {
    const format = downloadFormat(req);
    if (format === undefined) {
      res.json(await models.get(repoId, req.params.modelId));
      return;
    }
    const model = await audited(repoId, req);
    await sendKerasFile(ctx, res, { repoId, name: model.modelId, model, format });
  });

  app.get('/v1/repos/:repoId/models/:modelId/weights', async (req, res, { repoId }) => {
    const encoding = downloadEncoding(req);
    const { parameters } = await audited(repoId, req);
    await sendWeights(ctx, { req, res }, { repoId, parameters }, encoding);
  });

  app.get('/v1/repos/:repoId/models/:modelId/tfjs/model.json', async (req, res, { repoId }) => {
    const model = await models.get(repoId, req.params.modelId);
    const topology = await models.topology(repoId, model.topologySha256);
    res.type('application/json').send(modelJson(model, topology));
  });

  app.get('/v1/repos/:repoId/models/:modelId/tfjs/weights.bin', async (req, res, { repoId }) => {
    const { parameters } = await audited(repoId, req);
    await sendWeights(ctx, { req, res }, { repoId, parameters });
  });

  app.get('/v1/repos/:repoId/topologies/:sha256', async (req, res, { repoId }) => {
    const { sha256 } = req.params;
    sendImmutableJson({ req, res }, { sha256, json: await models.topology(repoId, sha256) });
  });
}

function formatOf(req: Request): 'frame' | 'keras' {
  return req.is(Object.values(KERAS_TYPES)) ? 'keras' : 'frame';
}

function viewModel({ v: _v, tensors, ...model }: ModelRecord): ModelView {
  return { ...model, tensorCount: tensors.length };
}
