#include "pch/pch_core.h"
