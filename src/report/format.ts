/** The formats of `--report`, by name: what the command line has to know before anything is loaded. */
export const REPORT_FORMATS = ['html', 'json', 'jsonl', 'junit', 'markdown', 'tap'] as const;

export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** The file that is standard output: `-` on the command line. */
export const STANDARD_OUTPUT = '/dev/stdout';
