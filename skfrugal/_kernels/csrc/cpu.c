/* What this machine can run: CPUID says what the processor has, XGETBV whether the
 * operating system saves the wide registers on a context switch; both must agree. */

#include "cpu.h"

#if defined(__x86_64__) || defined(_M_X64)

#ifdef _MSC_VER
#include <immintrin.h>
#include <intrin.h>
static void cpuid(int leaf, unsigned r[4]) { __cpuidex((int *)r, leaf, 0); }
static unsigned xcr0(void) { return (unsigned)_xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(int leaf, unsigned r[4])
{
    r[0] = r[1] = r[2] = r[3] = 0;
    __get_cpuid_count((unsigned)leaf, 0, r, r + 1, r + 2, r + 3);
}
static unsigned xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

static int has(unsigned word, int bit) { return (int)(word >> bit & 1u); }

int skfrugal_cpu(void)
{
    unsigned one[4], seven[4], saved;
    int found = 0;
    cpuid(1, one);
    cpuid(7, seven);
    if (!has(one[2], 27)) return 0; /* OSXSAVE: without it XGETBV faults */
    saved = xcr0();
    if ((saved & 0x6) != 0x6) return 0; /* xmm, ymm */
    if (has(one[2], 28) && has(one[2], 12) && has(seven[1], 5)) /* AVX, FMA, AVX2 */
        found |= CPU_AVX2;
    if (found && (saved & 0xe6) == 0xe6 /* opmask, zmm */
        && has(seven[1], 16) && has(seven[1], 17) /* F, DQ */
        && has(seven[1], 30) && has(seven[1], 31) /* BW, VL */
        && has(seven[2], 11)) /* VNNI */
        found |= CPU_AVX512;
    return found;
}

#else

int skfrugal_cpu(void) { return 0; }

#endif
