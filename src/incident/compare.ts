/**
 * Compares two counts of bad events among requests: is the new share really worse than the old one?
 * Two keys must turn: the difference is significant and it matters.
 *
 * Significance is the exact conditional test for two Poisson rates: given K = kNew + kOld bad events and
 * exposures nNew, nOld, under "no difference" kNew is binomial(K, nNew / (nNew + nOld)); the p-value is
 * its upper tail (Przyborowski & Wilenski 1940, Biometrika 31). A zero count of the old side needs no
 * special case, unlike a ratio. Real errors come in bursts, so `strength` takes only half of the
 * evidence (a dispersion of two).
 */

/** Bad events among requests. */
export interface CountPair {
  bad: number
  total: number
}

/** What the comparison says. */
export interface Comparison {
  newRatio: number
  oldRatio: number
  /** Chance of seeing this, or worse, if nothing had changed. */
  pValue: number
  /** Both keys turned. */
  isWorse: boolean
  /** Enough data to say that it is not worse. */
  isEnough: boolean
  /** 0..1. */
  strength: number
}

/** Bad events below this count prove nothing, whatever the p-value. */
const badCountMin = 5
/** Requests below this count on the new side prove nothing. */
const totalCountMin = 30

/** Compares new against old; `margin` is the difference in share that matters (0.005 is half a per cent). */
export function compareCounts(fresh: CountPair, old: CountPair, margin = 0.005): Comparison {
  const newRatio = fresh.total > 0 ? fresh.bad / fresh.total : 0
  const oldRatio = old.total > 0 ? old.bad / old.total : 0
  const newBad = Math.round(fresh.bad)
  const oldBad = Math.round(old.bad)
  const exposure = fresh.total + old.total
  const isEnough = fresh.total >= totalCountMin && old.total >= totalCountMin
  if (!isEnough || newBad < badCountMin) {
    return { newRatio, oldRatio, pValue: 1, isWorse: false, isEnough, strength: 0 }
  }
  const logP = logBinomialTail(newBad, newBad + oldBad, fresh.total / exposure)
  const isWorse =
    logP < Math.log(0.001) && newRatio - oldRatio > margin && newRatio > 1.5 * oldRatio
  // Half of the evidence; full strength at one in 10^8.
  const strength = isWorse ? Math.min(1, -logP / Math.LN10 / 2 / 4) : 0
  return { newRatio, oldRatio, pValue: Math.exp(logP), isWorse, isEnough, strength }
}

/** Natural logarithm of P(X ≥ k) for X binomial(n, p); exact to rounding, O(√n) terms beyond the mean. */
export function logBinomialTail(k: number, n: number, p: number): number {
  if (k <= 0) return 0
  if (k > n || p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return 0
  // Left of the mean the tail holds at least about half: no evidence, and no long sum.
  if (k <= n * p) return Math.log(0.5)
  const logFirst =
    logFactorial(n) -
    logFactorial(k) -
    logFactorial(n - k) +
    k * Math.log(p) +
    (n - k) * Math.log1p(-p)
  const odds = p / (1 - p)
  let term = 1
  let sum = 1
  for (let index = k; index < n; index++) {
    term *= ((n - index) / (index + 1)) * odds
    sum += term
    if (term < sum * 1e-16) break
  }
  return Math.min(0, logFirst + Math.log(sum))
}

/** ln n!; Stirling's series above 20, error below 1e-10. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1
    for (let index = 2; index <= n; index++) product *= index
    return Math.log(product)
  }
  const x = n + 1
  return (
    (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x ** 3)
  )
}
