/**
 * `value`, for a vector that a loop over `n` < 2^31 values uses each time round. What is added is 0, which no compiler
 * can know: a constant that they see is put into the loop again, and V8 then builds it anew, in three instructions,
 * wherever it is used. For the same reason these loops test at their end: V8 moves nothing out of one that tests first.
 */
export function loopConstant<T>(value: T, n: usize): T {
  return (value + <T>(n >> 31)) as T;
}
