// What a caller in TypeScript writes, with the types of openapi-typescript. It is compiled only.
import type { components, operations } from "./schema";

type PublishRequest = components["schemas"]["PublishRequest"];
type Job = components["schemas"]["PublishJobResponse"];
type ApiError = components["schemas"]["ErrorDetail"];
type JobsQuery = operations["list_publish_jobs_jobs_get"]["parameters"]["query"];

const post: PublishRequest = {
  connection_id: "0b8f7a52-3f0e-4e0c-9a55-2f4a1d6c9e10",
  text_content: "Fresh bread at seven",
  assets: [{ url: "https://example.com/bread.jpg", asset_type: "image", mime_type: "image/jpeg" }],
};
const due: components["schemas"]["ScheduleRequest"] = {
  ...post,
  schedule_time: "2027-01-15T18:00:00+01:00",
};
const query: JobsQuery = { status: "Failed", limit: 10 };

export function outcome(job: Job): string {
  return job.status === "Published" ? (job.post_url ?? "") : (job.error_code ?? job.status);
}

export function sentence(error: ApiError): string {
  return [error.detail, ...(error.violations ?? []).map((each) => each.message)].join(" ");
}

export const requests = { post, due, query };
