/** `push()`: publishes the adapter of a finished run on the Hugging Face hub, like `coxswain push`. */
import { homedir, hostname, userInfo } from "node:os";
import { isAbsolute } from "node:path";
import { CoxswainError } from "../errors.js";
import { findHolder } from "../run-lock.js";
import { namedCallbacks } from "./callbacks.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { abortableProgress, rejectingWell, throwIfAborted } from "./errors.js";
import { checkNames } from "./push-names.js";
import { reportOf } from "./push-report.js";
import { finishedAdapter, outputFolderOf } from "./push-run.js";

/** Options of {@link push}. */
export interface PushOptions {
  /** The output folder of a finished run, or its run file. */
  readonly run: string;
  /** The model repository: "owner/name". It is created if it does not exist. */
  readonly repo: string;
  /** Whether a new repository is private. Default: false. An existing one keeps its visibility. */
  readonly private?: boolean | undefined;
  /** The branch to publish to; created if it does not exist. Default: "main". */
  readonly revision?: string | undefined;
  /** The commit's message. Default: "Adapter of step N, trained with Coxswain". */
  readonly message?: string | undefined;
  /** The hub id of the base model, for a run that names a folder. Default: as recorded with the adapter. */
  readonly baseModel?: string | undefined;
  /** Aborts the upload: rejects with a CoxswainError "interrupted"; nothing is published then. */
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user, such as files that are not published. Default: none. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called with the current activity: "uploading adapter_model.safetensors: 40 %". Default: none. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** The result of {@link push}. */
export interface PushResult {
  /** The page of the repository, or of its branch. */
  readonly url: string;
  /** The commit that was made. */
  readonly commit: string;
  /** Whether the repository was created. */
  readonly isNew: boolean;
  /** Names of the published files. */
  readonly files: readonly string[];
}

const optionKinds: OptionKinds<PushOptions> = {
  run: "text",
  repo: "text",
  private: "true or false",
  revision: "text",
  message: "text",
  baseModel: "text",
  signal: "an AbortSignal",
  onNote: "a function",
  onProgress: "a function",
};

/**
 * Publishes a finished run's adapter with its tokenizer, chat template and a model card, as one commit. The card shows data
 * sets, settings, the training curve and evaluations; local paths are not published. The token is that of `HF_TOKEN`,
 * otherwise of `hf auth login`; `HF_ENDPOINT` names another hub.
 *
 * @param options which run, and where to
 * @throws CoxswainError "usage" for invalid options, "config" for a run that is not finished or a token that may not write,
 *   "model" for a damaged adapter, "network", "interrupted"
 */
export function push(options: PushOptions): Promise<PushResult> {
  return rejectingWell(async () => {
    checkOptions("push()", options, optionKinds, ["run", "repo"]);
    return pushRun(namedCallbacks(options));
  });
}

async function pushRun(options: PushOptions): Promise<PushResult> {
  const { repo, revision = "main", signal, onNote = () => undefined } = options;
  checkNames(options);
  const [{ hubAccess, isOffline, noToken, publish }, { publishedFiles }, { readResolved }, telemetry] =
    await Promise.all([
      import("../hub/index.js"),
      import("../model/index.js"),
      import("../config/index.js"),
      import("../telemetry/index.js"),
    ]);
  throwIfAborted("the upload", signal);
  const folder = await outputFolderOf(options.run);
  const adapter = finishedAdapter(folder, telemetry.readRunSummary(folder, findHolder(folder) !== undefined));
  if (isOffline(process.env)) {
    throw new CoxswainError("config", "HF_HUB_OFFLINE is set: nothing can be published", { hint: "Unset it." });
  }
  const access = await hubAccess({ environment: process.env, signal });
  if (access.token === undefined) throw noToken(access);
  const config = await readResolved(folder);
  const report = reportOf(config, telemetry.readMetrics(folder), telemetry.readEvents(folder));
  const show = abortableProgress("the upload", options);
  show("reading the adapter");
  const { files, omitted, baseModel } = await publishedFiles(adapter, {
    publishedAs: repo,
    baseModel: options.baseModel,
    report,
    secrets: [
      { text: access.token, what: "the token" },
      ...localFolders([folder, config?.model, homedir()]).map((text) => ({ text, what: `the path ${text}` })),
    ],
    localNames: [hostname(), ...userNames()],
  });
  if (omitted.length > 0) onNote(`not published, since loading the adapter does not need them: ${omitted.join(", ")}`);
  if (baseModel === undefined) {
    onNote(
      "the base model is a local folder: name its hub id with `baseModel` (--base-model), so that others can load it",
    );
  }
  const step = report.steps.at(-1)?.step;
  const { url, commit, isNew } = await publish(
    {
      id: repo,
      revision,
      isPrivate: options.private ?? false,
      message: options.message ?? `Adapter${step === undefined ? "" : ` of step ${step}`}, trained with Coxswain`,
      files,
    },
    access,
    show,
  );
  if (!isNew && options.private === true) onNote(`${repo} existed before: its visibility is unchanged`);
  return { url, commit, isNew, files: [...files.keys()].sort() };
}

/** None for a numeric user, as in a container. */
function userNames(): string[] {
  try {
    return [userInfo().username];
  } catch {
    return [];
  }
}

/** Absolute folders, except those that occur in ordinary text, like "/". */
const localFolders = (paths: readonly (string | undefined)[]): string[] =>
  paths.flatMap((path) => (path !== undefined && isAbsolute(path) && path.length > 4 ? [path] : []));
