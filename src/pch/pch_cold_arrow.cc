#include "pch/pch_cold_arrow.h"
