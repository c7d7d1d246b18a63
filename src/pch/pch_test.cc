#include "pch/pch_test.h"
