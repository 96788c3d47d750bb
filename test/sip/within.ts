/** A wait that says what it waited for when nothing comes. */
export async function within<T>(what: string, promise: Promise<T>, limitMs = 8000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: nothing within ${String(limitMs)} ms`));
    }, limitMs);
    timer.unref();
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
