/* Compiled with its own flags (setup.py); empty where they do not exist. */
#ifdef __AVX512F__
#define ISA avx512
#define VECTOR_BYTES 64
#include "table.h"
#else
typedef int skfrugal_empty_unit_avx512;
#endif
