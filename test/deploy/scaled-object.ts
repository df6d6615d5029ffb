import * as z from 'zod';

/** What of KEDA's ScaledObject (keda.sh/v1alpha1) may be used here; every field is in its CRD, with this type. */
const scaledObject = z.strictObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('ScaledObject'),
  metadata: z.strictObject({
    name: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.strictObject({
    scaleTargetRef: z.strictObject({
      apiVersion: z.string().optional(),
      kind: z.string().optional(),
      name: z.string(),
      envSourceContainerName: z.string().optional(),
    }),
    pollingInterval: z.int().optional(),
    cooldownPeriod: z.int().optional(),
    initialCooldownPeriod: z.int().optional(),
    idleReplicaCount: z.int().optional(),
    minReplicaCount: z.int().optional(),
    maxReplicaCount: z.int().optional(),
    fallback: z
      .strictObject({
        failureThreshold: z.int(),
        replicas: z.int(),
        behavior: z
          .enum(['static', 'currentReplicas', 'currentReplicasIfHigher', 'currentReplicasIfLower'])
          .optional(),
      })
      .optional(),
    advanced: z
      .strictObject({
        restoreToOriginalReplicaCount: z.boolean().optional(),
        // The same as `behavior` of a HorizontalPodAutoscaler, against whose schema a test holds it.
        horizontalPodAutoscalerConfig: z
          .strictObject({ name: z.string().optional(), behavior: z.looseObject({}).optional() })
          .optional(),
      })
      .optional(),
    triggers: z
      .array(
        z.strictObject({
          type: z.literal('prometheus'),
          name: z.string().optional(),
          metricType: z.enum(['AverageValue', 'Value']).optional(),
          useCachedMetrics: z.boolean().optional(),
          authenticationRef: z.strictObject({ name: z.string(), kind: z.string().optional() }).optional(),
          // Texts, all of them: KEDA reads numbers out of them itself.
          metadata: z.strictObject({
            serverAddress: z.url(),
            query: z.string().min(1),
            threshold: z.string().regex(/^\d+(\.\d+)?$/),
            activationThreshold: z.string().optional(),
            namespace: z.string().optional(),
            ignoreNullValues: z.enum(['true', 'false']).optional(),
            unsafeSsl: z.enum(['true', 'false']).optional(),
          }),
        }),
      )
      .min(1),
  }),
});
export type ScaledObject = z.infer<typeof scaledObject>;

export const parseScaledObject = (value: unknown): ScaledObject => scaledObject.parse(value);

export function problemsOfScaledObject(value: unknown): string[] {
  const { error } = scaledObject.safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}
