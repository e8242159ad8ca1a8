// SPDX-License-Identifier: Apache-2.0
// The questions of `configure --interactive`, in the words of JDK 25's `jfr configure`.
// Source: jdk.jfr.internal.jfc.model (UserInterface, XmlSelection, XmlFlag, XmlText), tag jdk-25-ga.
import {
  isMethodFilter,
  type JfcDocument,
  type JfcInput,
  selectedOption,
  spacedTimespan,
  timespanProblem,
} from '@rekindle/recorder';

/** Where questions go and answers come from. */
export interface Dialogue {
  say(line: string): void;
  /** The next line; undefined at the end of the input. */
  answer(): Promise<string | undefined>;
}

/** The user has had enough. */
export class Abort extends Error {}

const METHOD_FILTER =
  'Not a valid method filter. A filter can be an annotation (@jakarta.ws.rs.GET), a full qualified class name ' +
  '(com.example.Foo), a fully qualified method reference (java.lang.HashMap::resize) or a class initializer ' +
  '(::<clinit>). Use <init> for constructors. Separate multiple filters with semicolon.';

/** Asks for every input, and for the file to write. Throws Abort. `set` is told of each answer. */
export async function askForConfiguration(
  document: JfcDocument,
  file: string,
  dialogue: Dialogue,
  set: (input: JfcInput, value: string) => void,
): Promise<string> {
  const { inputs } = document;
  for (const line of [
    '============== .jfc Configuration Wizard ============',
    'This wizard will generate a JFR configuration file by',
    `asking ${inputs.length + 1} questions. Press ENTER to use the default`,
    'value, or type Q to abort the wizard.',
  ]) {
    dialogue.say(line);
  }
  for (const input of inputs) {
    const value = await ask(input, dialogue);
    if (value !== undefined) set(input, value);
  }
  dialogue.say('');
  dialogue.say(`Filename: ${file} (default)`);
  for (;;) {
    const line = await read(dialogue);
    if (isBlank(line)) return file;
    if (line.endsWith('.jfc')) return line;
    dialogue.say('Filename must end with .jfc.');
  }
}

/** A new value; undefined where the default stays. */
async function ask(input: JfcInput, dialogue: Dialogue): Promise<string | undefined> {
  if (input.kind === 'selection') return await askSelection(input, dialogue);
  return input.kind === 'flag' ? await askFlag(input, dialogue) : await askText(input, dialogue);
}

async function askSelection(input: JfcInput, dialogue: Dialogue): Promise<string | undefined> {
  const options = input.of('option');
  const label = selectedOption(input)?.attribute('label') ?? '';
  dialogue.say('');
  dialogue.say(`${input.attribute('label')}: ${label} (default)`);
  for (const [index, option] of options.entries()) {
    dialogue.say(`${index + 1}. ${option.attribute('label')}`);
  }
  for (;;) {
    const line = await read(dialogue);
    if (isBlank(line)) {
      dialogue.say(`Using default: ${label}`);
      return undefined;
    }
    const number = intOf(line);
    const chosen = number === undefined ? undefined : options[number - 1];
    if (chosen !== undefined) {
      dialogue.say(`Using: ${chosen.attribute('label')}`);
      return chosen.attribute('name');
    }
    dialogue.say(
      number === undefined ? 'Must enter a number, or ENTER to select default.' : 'Not in range.',
    );
  }
}

async function askFlag(input: JfcInput, dialogue: Dialogue): Promise<string | undefined> {
  const present = input.content.toLowerCase() === 'true' ? 'Yes' : 'No';
  dialogue.say('');
  dialogue.say(`${input.attribute('label')} [Y/N]: ${present} (default)`);
  for (;;) {
    const line = await read(dialogue);
    if (isBlank(line)) {
      dialogue.say(`Using default: ${present}`);
      return undefined;
    }
    const answer = line.toLowerCase();
    if (answer === 'y' || answer === 'n') {
      dialogue.say(`Using: ${answer === 'y' ? 'Yes' : 'No'}`);
      return String(answer === 'y');
    }
    dialogue.say('Not a valid choice.');
  }
}

async function askText(input: JfcInput, dialogue: Dialogue): Promise<string | undefined> {
  const present = input.content || '""';
  const contentType = input.attribute('contentType');
  dialogue.say('');
  dialogue.say(`${input.attribute('label')}: ${present}  (default)`);
  for (;;) {
    const line = await read(dialogue);
    if (isBlank(line)) {
      dialogue.say(`Using default: ${present}`);
      return undefined;
    }
    if (contentType === 'method-filter' && !isMethodFilter(line)) {
      dialogue.say(METHOD_FILTER);
      continue;
    }
    const value = contentType === 'timespan' ? spacedTimespan(line) : line;
    if (value !== undefined) {
      dialogue.say(`Using: ${value}`);
      return value;
    }
    dialogue.say(timespanProblem(line));
  }
}

async function read(dialogue: Dialogue): Promise<string> {
  const line = await dialogue.answer();
  if (line !== undefined && line.toLowerCase() !== 'q') return line;
  dialogue.say('');
  throw new Abort();
}

const isBlank = (line: string): boolean => line.trim() === '';

/** An int as Java parses it. */
function intOf(text: string): number | undefined {
  if (!/^[+-]?\d{1,12}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : undefined;
}
