// Precompiled header of the test programs that make or read Arrow's arrays.
#pragma once
#include "pch/pch_arrow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
