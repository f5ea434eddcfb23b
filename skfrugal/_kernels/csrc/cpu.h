#ifndef SKFRUGAL_CPU_H
#define SKFRUGAL_CPU_H

enum { CPU_AVX2 = 1, CPU_AVX512 = 2 };

/* The instruction sets that the processor *and* the operating system offer. */
int skfrugal_cpu(void);

#endif
