import * as z from 'zod';

const container = z.object({
  Id: z.string(),
  Name: z.string(),
  RestartCount: z.number(),
  State: z.object({ Pid: z.number(), Health: z.object({ Status: z.string() }) }),
  Config: z.object({
    Image: z.string(),
    User: z.string(),
    Labels: z.record(z.string(), z.string()),
  }),
  HostConfig: z.object({
    Memory: z.number(),
    PidsLimit: z.number(),
    PortBindings: z.record(z.string(), z.unknown()),
  }),
});

/** What the tests look at of a container, as the engine says it. */
export interface Inspected {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly image: string;
  readonly user: string;
  /** Of its first process, as the host counts. */
  readonly pid: number;
  readonly health: string;
  readonly restarts: number;
  readonly memoryBytes: number;
  readonly pidsLimit: number;
  readonly publishes: boolean;
}

/** From the output of `docker inspect`. */
export function inspected(json: string): Inspected[] {
  return z
    .array(container)
    .parse(JSON.parse(json))
    .map(({ Id, Name, RestartCount, State, Config, HostConfig }) => ({
      id: Id,
      name: Name.slice(1),
      service: Config.Labels['com.docker.compose.service'] ?? '',
      image: Config.Image,
      user: Config.User,
      pid: State.Pid,
      health: State.Health.Status,
      restarts: RestartCount,
      memoryBytes: HostConfig.Memory,
      pidsLimit: HostConfig.PidsLimit,
      publishes: Object.keys(HostConfig.PortBindings).length > 0,
    }));
}
