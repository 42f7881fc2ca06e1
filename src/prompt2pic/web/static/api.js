// The server's HTTP API: every answer is JSON, every error a sentence.

import { language, say } from "./words.js";

const PATIENCE = 20_000; // ms until a silent server counts as away
const RETRIES = [500, 1000, 2000, 4000, 8000]; // ms between the attempts to send

/** The server said no, in a sentence; `param` names the field at fault. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message || say("unsent"));
    this.status = status;
    this.param = error?.param ?? null;
    this.code = error?.code ?? null;
  }
}

/** Nobody answered: the network or the server is away, and trying again may help. */
export class Away extends Error {}

export const listJobs = (before) => ask("GET", `/v1/jobs?limit=20${before ? `&before=${before}` : ""}`);
export const readJob = (id) => ask("GET", `/v1/jobs/${id}`);
export const cancelJob = (id) => ask("DELETE", `/v1/jobs/${id}`);
export const eraseJob = (id) => ask("POST", `/v1/jobs/${id}/erase`);
export const forgetMe = () => ask("DELETE", "/v1/me");
export const readQueue = () => ask("GET", "/v1/queue");
export const listModels = () => ask("GET", "/v1/models");

/** Submit once, however often it must be sent: every attempt carries the same key. */
export async function submit(body, key, onAway) {
  for (const pause of [...RETRIES, null]) {
    try {
      return await ask("POST", "/v1/jobs", body, { "Idempotency-Key": key });
    } catch (error) {
      if (pause === null || !isPassing(error)) throw error;
      if (error instanceof Away) onAway();
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Return a new key; randomUUID is missing over plain HTTP. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A 409 says that the first attempt is still being written down.
const isPassing = (error) => error instanceof Away || (error instanceof Refusal && error.status === 409);

async function ask(method, path, body, headers = {}) {
  const options = { method, headers: { "Accept-Language": language, ...headers }, signal: AbortSignal.timeout(PATIENCE) };
  if (body) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await fetch(path, options).catch(() => {
    throw new Away();
  });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.ok || (response.status >= 502 && !answer?.error)) throw new Away(); // cut off, or a proxy speaks
  throw new Refusal(response.status, answer?.error);
}
