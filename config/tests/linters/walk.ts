// What a caller in TypeScript writes, with the types of openapi-typescript: connect, batch, webhook,
// calendar, take-down. It prints what came of each. SERVICE, TOKEN and RECEIVER are in the environment.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type PublishRequest = components["schemas"]["PublishRequest"];
type Job = components["schemas"]["PublishJobResponse"];
type ApiError = components["schemas"]["ErrorDetail"];

const { SERVICE, TOKEN, RECEIVER } = process.env as Record<string, string>;
const api = createClient<paths>({
  baseUrl: SERVICE,
  headers: { Authorization: `Bearer ${TOKEN}` },
});

function expected<T>(result: { data?: T; error?: ApiError }): T {
  if (result.data === undefined) throw new Error(sentence(result.error!));
  return result.data;
}

function sentence(error: ApiError): string {
  return [error.detail, ...(error.violations ?? []).map((each) => each.message)].join(" ");
}

async function connect(): Promise<string> {
  const started = expected(
    await api.GET("/api/v1/connections/connect/{platform}", {
      params: { path: { platform: "twitter" }, query: { redirect: false } },
    }),
  );
  const allowed = await fetch(started.authorization_url, {
    method: "POST",
    body: new URLSearchParams({ allow: "1" }),
    redirect: "manual",
  });
  const shown = await (await fetch(allowed.headers.get("Location")!)).json();
  const { attempt_id, completion_code } = shown as { attempt_id: string; completion_code: string };
  const body = { attempt_id, completion_code };
  return expected(await api.POST("/api/v1/connections/confirm", { body })).id;
}

async function publish(post: PublishRequest): Promise<Job> {
  return expected(
    await api.POST("/api/v1/publishing/publish", {
      body: post,
      params: { header: { Prefer: "wait=20" } },
    }),
  );
}

async function ended(job_id: string): Promise<Job> {
  for (;;) {
    const path = { job_id };
    const job = expected(await api.GET("/api/v1/publishing/jobs/{job_id}", { params: { path } }));
    if (job.status === "Published" || job.error_code !== null) return job;
    await pause();
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 200));

const connection_id = await connect();

const webhook = expected(
  await api.POST("/api/v1/webhooks", { body: { url: RECEIVER, events: ["job.published"] } }),
);
console.log("webhook", webhook.status, webhook.secret.startsWith("whsec_"));

const batch = expected(
  await api.POST("/api/v1/publishing/batches", {
    body: {
      text_content: "Typed bread",
      targets: [{ connection_id }, { connection_id, text_content: "Typed rolls" }],
    },
  }),
);
for (const { job_id } of batch.jobs) console.log("batch", (await ended(job_id)).status);

const due = new Date(Date.now() + 3_600_000).toISOString();
await api.POST("/api/v1/publishing/schedule", {
  body: { connection_id, text_content: "Typed cake", schedule_time: due },
});
const week = expected(
  await api.GET("/api/v1/publishing/jobs", {
    params: { query: { order: "due", due_from: new Date().toISOString(), limit: 10 } },
  }),
);
console.log("calendar", week.map((job) => `${job.text_content} ${job.status}`).join());

const published = await publish({ connection_id, text_content: "Typed tart" });
const path = { job_id: published.job_id };
expected(await api.DELETE("/api/v1/publishing/jobs/{job_id}/post", { params: { path } }));
while ((await ended(published.job_id)).deleted_at === null) await pause();
console.log("take-down", published.status);

const refused = await api.POST("/api/v1/publishing/publish", {
  body: { connection_id, text_content: "a".repeat(300) },
});
console.log("refused", refused.error?.code, sentence(refused.error!));
