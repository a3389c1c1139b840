// Talks to the server. Changes carry a header that no other site's form can send.
export class SignedOut extends Error {}

export async function ask(path, options = {}) {
  const headers = { "X-Streamdet": "1", ...(options.body ? { "Content-Type": "application/json" } : {}) };
  const response = await fetch(path, { ...options, headers, signal: AbortSignal.timeout(15000) });
  if (response.status === 401) throw new SignedOut();
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail ?? response.statusText);
  return response;
}

export const read = async (path) => (await ask(`/api/v1${path}`)).json();
