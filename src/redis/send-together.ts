import { Cluster, type Redis } from 'ioredis';
import { atEndOfTurn } from './end-of-turn.js';

/**
 * Commands that are given in one turn of the event loop leave in one write. A write is a system call, and a gateway that
 * a hundred Libraries talk to gives thousands of small commands: the calls took more of its time than the commands.
 * (Pipelines are something else: ioredis's own make others wait behind a command that blocks.)
 */
export function sendTogether(redis: Redis | Cluster): void {
  if (redis instanceof Cluster) redis.on('+node', gather);
  else gather(redis);
}

function gather(redis: Redis): void {
  redis.on('connect', () => {
    const { stream } = redis;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    let corked = false;
    stream.write = (...args: unknown[]): boolean => {
      if (!corked) {
        corked = true;
        stream.cork();
        atEndOfTurn('send', () => {
          corked = false;
          stream.uncork();
        });
      }
      return write(...args);
    };
  });
}
