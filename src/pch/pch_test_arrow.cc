#include "pch/pch_test_arrow.h"
