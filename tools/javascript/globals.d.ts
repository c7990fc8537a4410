/** What scripts that pages load before ours put there: Django's catalogue of texts, and uPlot. */

declare function gettext(text: string): string;
declare function ngettext(singular: string, plural: string, count: number): string;
declare function interpolate(text: string, values: readonly unknown[], named?: false): string;
declare function interpolate(text: string, values: Record<string, unknown>, named: true): string;
declare const uPlot: any;
