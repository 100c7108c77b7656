/** Formats the findings of the doctor as text and as JSON. Pure. */
import { advise, bytesText, countText, nameOf } from "../../doctor/index.js";
import type { Finding, Memory, MethodNeeds, ModelDiagnosis } from "../../doctor/index.js";
import type { Colours } from "../terminal/colour.js";

export function findingsText(findings: readonly Finding[], colours: Colours): string {
  const marks = { good: colours.green("ok  "), note: colours.yellow("note"), bad: colours.red("bad ") };
  const line = ({ name, state, text, hint }: Finding): string =>
    `${marks[state]}  ${name.padEnd(10)}  ${text}${hint === undefined ? "" : ` ${hint}`}\n`;
  return findings.map(line).join("");
}

export function diagnosisText(diagnosis: ModelDiagnosis, memory: Memory, colours: Colours): string {
  const { model, facts, stored, adapterParameters, length, device, threads, methods, baseLoss } = diagnosis;
  const types = stored.types.join(", ");
  const [deviceName = ""] = device.split(" ", 1);
  let text = `\n${colours.bold(model)}\n`;
  text += `${facts.family}, ${countText(facts.parameters)} parameters in ${facts.layers} layers, ${types}, ${bytesText(stored.bytes)} on disk\n`;
  text += `adapter: ${countText(adapterParameters)} parameters; rows of ${length} tokens; ${deviceName}, ${threads} threads\n\n`;
  text += table(methods, memory, colours);
  if (!device.startsWith("cpu"))
    text += `memory is that of the machine; the memory of the ${device.split(" ", 1)[0] ?? ""} device is not measured
`;
  if (baseLoss !== null) text += `\n${lossText(baseLoss)}\n`;
  return `${text}\n${adviceText(methods, memory, colours)}`;
}

/** Peak memory of a worker process and tokens per second, with a column per training method. */
function table(methods: readonly MethodNeeds[], memory: Memory, colours: Colours): string {
  const width = 24;
  const heads = methods.map(({ quantization }) => (quantization === null ? "LoRA" : "QLoRA (nf4)").padEnd(width));
  const under = methods.map(({ gradientCheckpointing }) =>
    (gradientCheckpointing ? "gradient_checkpointing" : "").padEnd(width),
  );
  const first = "micro_batch_size";
  const lines = [
    colours.bold(`${first}  ${heads.join("")}`.trimEnd()),
    colours.dim(`${"".padEnd(first.length)}  ${under.join("")}`.trimEnd()),
  ];
  const rows = methods[0]?.needs.map((need) => need.rows) ?? [];
  rows.forEach((count, index) => {
    const cells = methods.map(({ needs }) => {
      const need = needs[index];
      if (need === undefined) return "".padEnd(width);
      const cell = `${bytesText(need.peakBytes)}, ${rate(need.tokensPerSecond)} tokens/s`.padEnd(width);
      return need.peakBytes > memory.available ? colours.red(cell) : cell;
    });
    lines.push(`${String(count).padStart(first.length)}  ${cells.join("")}`.trimEnd());
  });
  return `${lines.join("\n")}\n`;
}

const rate = (tokens: number): string => (tokens >= 10 ? tokens.toFixed(0) : tokens.toFixed(1));

function lossText({ lora, qlora, tokens }: NonNullable<ModelDiagnosis["baseLoss"]>): string {
  const more = (100 * (qlora - lora)) / lora;
  return (
    `loss of the base model on ${tokens} tokens: ${lora.toFixed(4)}, in nf4 ${qlora.toFixed(4)} ` +
    `(${more >= 0 ? "+" : ""}${more.toFixed(1)} %); training compensates for part of it`
  );
}

function adviceText(methods: readonly MethodNeeds[], memory: Memory, colours: Colours): string {
  const { choice, why } = advise(methods, memory.available);
  const free = bytesText(memory.available);
  if (choice === null)
    return `${colours.bold(`Nothing fits into ${free}.`)} Use fewer tokens per row, a smaller model, or a machine with more memory.\n`;
  const { method, rows } = choice;
  return `${colours.bold(`${nameOf(method)}, micro_batch_size: ${rows}`)} on this machine, with ${free} free: ${why}.\n`;
}

/** Numbers are in bytes, seconds and tokens per second. */
export function diagnosisJson(
  findings: readonly Finding[],
  memory: Memory,
  diagnosis: ModelDiagnosis | null,
): Record<string, unknown> {
  const machine = { findings, memory_total_bytes: memory.total, memory_available_bytes: memory.available };
  if (diagnosis === null) return { machine };
  const { choice, why } = advise(diagnosis.methods, memory.available);
  return {
    machine,
    model: {
      path: diagnosis.model,
      family: diagnosis.facts.family,
      layers: diagnosis.facts.layers,
      parameters: diagnosis.facts.parameters,
      stored_bytes: diagnosis.stored.bytes,
      stored_types: diagnosis.stored.types,
    },
    adapter_parameters: diagnosis.adapterParameters,
    max_length: diagnosis.length,
    device: diagnosis.device,
    threads: diagnosis.threads,
    predictions: diagnosis.methods.flatMap((method) =>
      method.needs.map((need) => ({ ...settingsOf(method), ...needJson(need) })),
    ),
    base_loss: diagnosis.baseLoss,
    advice: choice === null ? null : { ...settingsOf(choice.method), micro_batch_size: choice.rows, why },
  };
}

const settingsOf = ({ quantization, gradientCheckpointing }: MethodNeeds): Record<string, unknown> => ({
  quantization,
  gradient_checkpointing: gradientCheckpointing,
});

const needJson = ({
  rows,
  peakBytes,
  seconds,
  tokensPerSecond,
}: MethodNeeds["needs"][number]): Record<string, number> => ({
  micro_batch_size: rows,
  peak_bytes: Math.round(peakBytes),
  seconds,
  tokens_per_second: tokensPerSecond,
});
