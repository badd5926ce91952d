# SPDX-License-Identifier: BSD-2-Clause
vmx-y := arch/x86/vmx/entry.S arch/x86/vmx/vmx.c arch/x86/vmx/vmx_exit.c arch/x86/vmx/vmx_inject.c \
	arch/x86/vmx/vmx_state.c arch/x86/vmx/vmx_features.c arch/x86/vmx/vmx_vcpu.c arch/x86/vmx/vmx_error.c arch/x86/vmx/vmx_inspect.c
hot-y += arch/x86/vmx/vmx.c arch/x86/vmx/vmx_exit.c
