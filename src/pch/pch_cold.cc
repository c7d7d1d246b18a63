#include "pch/pch_cold.h"
