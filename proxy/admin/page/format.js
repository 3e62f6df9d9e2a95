'use strict';
// Numbers as people read them.
const NONE = '–';

function digits(n) {
  if (n === 0) return '0';
  return n < 10 ? n.toFixed(1) : n < 100 ? n.toFixed(n % 1 < 0.05 ? 0 : 1) : Math.round(n).toString();
}
/// 0.4, 12, 1.2k, 3.4M
function short(n) {
  for (const [size, letter] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (n >= size * 0.9995) return digits(n / size).replace(/\.0$/, '') + letter;
  }
  return Number.isInteger(n) ? String(n) : n > 0 && n < 0.1 ? '<0.1' : digits(n).replace(/\.0$/, '');
}
const rate = n => short(n) + '/s';
const whole = n => n.toLocaleString('en');
const percent = share => share === null || share === undefined ? NONE
  : share > 0.9995 && share < 1 ? '99.9 %' : share === 1 ? '100 %' : (100 * share).toFixed(1) + ' %';

function duration(seconds) {
  if (seconds <= 0) return '0';
  if (seconds < 0.0009995) return Math.max(1, Math.round(seconds * 1e6)) + ' µs';
  if (seconds < 0.9995) return digits(seconds * 1e3).replace(/\.0$/, '') + ' ms';
  if (seconds < 60) return digits(seconds).replace(/\.0$/, '') + ' s';
  return span(seconds);
}
/// A quantile: the histogram knows no bounds below 250 µs and above 10 s.
const quantile = seconds => seconds <= 0.00025 ? '≤ 250 µs' : seconds >= 10 ? '> 10 s' : duration(seconds);

/// How long something has been: 40 s, 12 min, 3 h, 2 d
function span(seconds) {
  for (const [size, unit] of [[86400, 'd'], [3600, 'h'], [60, 'min']]) {
    if (seconds >= size) return Math.floor(seconds / size) + ' ' + unit;
  }
  return Math.max(0, Math.floor(seconds)) + ' s';
}
function bytes(n) {
  for (const [size, unit] of [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']]) {
    if (n >= size) return digits(n / size).replace(/\.0$/, '') + ' ' + unit;
  }
  return n + ' B';
}
const clock = ms => new Date(ms).toLocaleTimeString('en-GB');
