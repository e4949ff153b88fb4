/** Where the verbs write to: standard output and standard error, unless a program that uses them has other plans. */
export const output = {
  out: (text: string): void => {
    process.stdout.write(text);
  },
  error: (text: string): void => {
    process.stderr.write(text);
  },
};
