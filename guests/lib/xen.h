/*
 * The part of the Xen interface that the test guests use (64-bit PV).
 * Numbers and layouts are those of Xen's public headers, named after them.
 */
#ifndef XEN_H
#define XEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096ul
#define PAGE_SHIFT 12

/* Hypercalls (xen.h). */
#define HYPERVISOR_set_trap_table 0
#define HYPERVISOR_mmu_update 1
#define HYPERVISOR_set_gdt 2
#define HYPERVISOR_stack_switch 3
#define HYPERVISOR_set_callbacks 4
#define HYPERVISOR_fpu_taskswitch 5
#define HYPERVISOR_set_debugreg 8
#define HYPERVISOR_get_debugreg 9
#define HYPERVISOR_update_descriptor 10
#define HYPERVISOR_memory_op 12
#define HYPERVISOR_multicall 13
#define HYPERVISOR_update_va_mapping 14
#define HYPERVISOR_set_timer_op 15
#define HYPERVISOR_xen_version 17
#define HYPERVISOR_console_io 18
#define HYPERVISOR_grant_table_op 20
#define HYPERVISOR_vm_assist 21
#define HYPERVISOR_update_va_mapping_otherdomain 22
#define HYPERVISOR_iret 23
#define HYPERVISOR_vcpu_op 24
#define HYPERVISOR_set_segment_base 25
#define HYPERVISOR_mmuext_op 26
#define HYPERVISOR_sched_op 29
#define HYPERVISOR_callback_op 30
#define HYPERVISOR_event_channel_op 32
#define HYPERVISOR_physdev_op 33

/* errno.h */
#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define ENOSPC 28
#define ENOSYS 38
#define ETIME 62

#define DOMID_SELF 0x7ff0
#define DOMID_IO 0x7ff1
#define DOMID_XEN 0x7ff2

/* Segments that every GDT has (arch-x86/xen-x86_64.h). */
#define FLAT_CS64 0xe033
#define FLAT_SS64 0xe02b

struct start_info {
    char magic[32];
    uint64_t nr_pages;
    uint64_t shared_info; /* machine address */
    uint32_t flags;
    uint64_t store_mfn;
    uint32_t store_evtchn;
    uint64_t console_mfn;
    uint32_t console_evtchn;
    uint64_t pt_base;
    uint64_t nr_pt_frames;
    uint64_t mfn_list;
    uint64_t mod_start;
    uint64_t mod_len;
    char cmd_line[1024];
    uint64_t first_p2m_pfn;
    uint64_t nr_p2m_frames;
};

struct vcpu_time_info {
    uint32_t version, pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time;
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags, pad1[2];
};

struct vcpu_info {
    uint8_t evtchn_upcall_pending;
    uint8_t evtchn_upcall_mask;
    uint8_t pad[6];
    uint64_t evtchn_pending_sel;
    uint64_t cr2;
    uint64_t arch_pad;
    struct vcpu_time_info time;
};

struct shared_info {
    struct vcpu_info vcpu_info[32];
    uint64_t evtchn_pending[64];
    uint64_t evtchn_mask[64];
    uint32_t wc_version, wc_sec, wc_nsec, wc_sec_hi;
};

struct xencons_interface {
    char in[1024];
    char out[2048];
    uint32_t in_cons, in_prod;
    uint32_t out_cons, out_prod;
};

struct trap_info {
    uint8_t vector;
    uint8_t flags; /* 0-1: DPL; 2: mask events */
    uint16_t cs;
    uint64_t address;
};
#define TI_MASK_EVENTS 4

struct callback_register {
    uint16_t type;
    uint16_t flags;
    uint64_t address;
};
#define CALLBACKOP_register 0
#define CALLBACKTYPE_event 0
#define CALLBACKTYPE_failsafe 1
#define CALLBACKTYPE_syscall 2
#define CALLBACKF_mask_events 1

struct multicall_entry {
    uint64_t op;
    int64_t result;
    uint64_t args[6];
};

/* Memory. */
struct mmu_update {
    uint64_t ptr;
    uint64_t val;
};
#define MMU_NORMAL_PT_UPDATE 0
#define MMU_MACHPHYS_UPDATE 1
#define MMU_PT_UPDATE_PRESERVE_AD 2

struct mmuext_op {
    uint32_t cmd;
    uint64_t arg1;
    uint64_t arg2;
};
#define MMUEXT_PIN_L1_TABLE 0
#define MMUEXT_PIN_L2_TABLE 1
#define MMUEXT_PIN_L3_TABLE 2
#define MMUEXT_PIN_L4_TABLE 3
#define MMUEXT_UNPIN_TABLE 4
#define MMUEXT_NEW_BASEPTR 5
#define MMUEXT_TLB_FLUSH_LOCAL 6
#define MMUEXT_INVLPG_LOCAL 7
#define MMUEXT_SET_LDT 13
#define MMUEXT_NEW_USER_BASEPTR 15
#define MMUEXT_CLEAR_PAGE 16
#define MMUEXT_COPY_PAGE 17
#define MMUEXT_MARK_SUPER 19

#define UVMF_INVLPG 2ul

#define PTE_P 0x001ul
#define PTE_RW 0x002ul
#define PTE_U 0x004ul
#define PTE_A 0x020ul
#define PTE_D 0x040ul
#define PTE_PSE 0x080ul
#define PTE_NX (1ul << 63)
#define PTE_MFN(pte) (((pte) >> PAGE_SHIFT) & 0xfffffffffful)

#define VMASST_CMD_enable 0
#define VMASST_CMD_disable 1
#define VMASST_TYPE_writable_pagetables 2

struct xen_memory_reservation {
    uint64_t extent_start;
    uint64_t nr_extents;
    uint32_t extent_order;
    uint32_t mem_flags;
    uint16_t domid;
};
struct xen_memory_exchange {
    struct xen_memory_reservation in, out;
    uint64_t nr_exchanged;
};
struct xen_memory_map {
    uint32_t nr_entries;
    uint64_t buffer;
};
struct xen_machphys_mapping {
    uint64_t v_start, v_end, max_mfn;
};
#define XENMEM_increase_reservation 0
#define XENMEM_decrease_reservation 1
#define XENMEM_maximum_ram_page 2
#define XENMEM_current_reservation 3
#define XENMEM_maximum_reservation 4
#define XENMEM_populate_physmap 6
#define XENMEM_memory_map 9
#define XENMEM_exchange 11
#define XENMEM_machphys_mapping 12

#define MACH2PHYS ((volatile uint64_t *)0xffff800000000000ul)

/* Event channels. */
#define EVTCHNOP_bind_interdomain 0
#define EVTCHNOP_bind_virq 1
#define EVTCHNOP_bind_pirq 2
#define EVTCHNOP_close 3
#define EVTCHNOP_send 4
#define EVTCHNOP_status 5
#define EVTCHNOP_alloc_unbound 6
#define EVTCHNOP_bind_ipi 7
#define EVTCHNOP_bind_vcpu 8
#define EVTCHNOP_unmask 9
#define EVTCHNOP_reset 10
#define EVTCHNOP_init_control 11
#define EVTCHNOP_expand_array 12
#define EVTCHNOP_set_priority 13

struct evtchn_alloc_unbound {
    uint16_t dom, remote_dom;
    uint32_t port;
};
struct evtchn_bind_interdomain {
    uint16_t remote_dom;
    uint32_t remote_port;
    uint32_t local_port;
};
struct evtchn_bind_virq {
    uint32_t virq, vcpu, port;
};
struct evtchn_bind_ipi {
    uint32_t vcpu, port;
};
struct evtchn_port {
    uint32_t port;
};
struct evtchn_status {
    uint16_t dom;
    uint32_t port;
    uint32_t status;
    uint32_t vcpu;
    union {
        struct { uint16_t dom; } unbound;
        struct { uint16_t dom; uint32_t port; } interdomain;
        uint32_t virq;
    } u;
};
struct evtchn_bind_vcpu {
    uint32_t port, vcpu;
};
struct evtchn_reset {
    uint16_t dom;
};
struct evtchn_init_control {
    uint64_t control_gfn;
    uint32_t offset, vcpu;
    uint8_t link_bits, pad[7];
};
struct evtchn_expand_array {
    uint64_t array_gfn;
};
struct evtchn_set_priority {
    uint32_t port, priority;
};
/* Event words and queues of the FIFO ABI. */
#define EVTCHN_FIFO_PENDING (1u << 31)
#define EVTCHN_FIFO_MASKED (1u << 30)
#define EVTCHN_FIFO_LINKED (1u << 29)
#define EVTCHN_FIFO_BUSY (1u << 28)
#define EVTCHN_FIFO_LINK_MASK ((1u << 17) - 1)
#define EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define EVTCHN_FIFO_MAX_QUEUES 16
struct evtchn_fifo_control_block {
    uint32_t ready, pad;
    uint32_t head[EVTCHN_FIFO_MAX_QUEUES];
};
#define EVTCHNSTAT_closed 0
#define EVTCHNSTAT_unbound 1
#define EVTCHNSTAT_interdomain 2
#define EVTCHNSTAT_virq 4
#define EVTCHNSTAT_ipi 5
#define VIRQ_TIMER 0
#define VIRQ_DEBUG 1
#define VIRQ_CONSOLE 2

/* Scheduling, virtual CPUs, time. */
#define SCHEDOP_yield 0
#define SCHEDOP_block 1
#define SCHEDOP_shutdown 2
#define SCHEDOP_poll 3
#define SCHEDOP_remote_shutdown 4
struct sched_poll {
    uint32_t *ports;
    uint32_t nr_ports;
    uint64_t timeout;
};
struct sched_remote_shutdown {
    uint16_t domain_id;
    uint32_t reason;
};
#define SHUTDOWN_poweroff 0
#define SHUTDOWN_crash 3
#define VCPUOP_initialise 0
#define VCPUOP_up 1
#define VCPUOP_down 2
#define VCPUOP_is_up 3
#define VCPUOP_register_runstate_memory_area 5
#define VCPUOP_set_periodic_timer 6
#define VCPUOP_stop_periodic_timer 7
#define VCPUOP_set_singleshot_timer 8
#define VCPUOP_stop_singleshot_timer 9
#define VCPU_SSHOTTMR_future 1
struct vcpu_set_periodic_timer {
    uint64_t period_ns;
};
struct vcpu_set_singleshot_timer {
    uint64_t timeout_abs_ns;
    uint32_t flags;
};

#define CONSOLEIO_write 0
#define XENVER_version 0
#define XENVER_get_features 6
#define PHYSDEVOP_set_iopl 6
#define PHYSDEVOP_set_iobitmap 7

#define SEGBASE_FS 0
#define SEGBASE_GS_USER 1
#define SEGBASE_GS_KERNEL 2

#define VGCF_in_syscall 0x100
#define VGCF_in_kernel 4

struct cpu_user_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint32_t error_code, entry_vector;
    uint64_t rip;
    uint16_t cs, pad0;
    uint8_t saved_upcall_mask, pad1[3];
    uint64_t rflags, rsp;
    uint16_t ss, pad2[3];
    uint16_t es, pad3[3];
    uint16_t ds, pad4[3];
    uint16_t fs, pad5[3];
    uint16_t gs, pad6[3];
};
struct vcpu_guest_context {
    uint8_t fpu_ctxt[512];
    uint64_t flags;
    struct cpu_user_regs user_regs;
    struct trap_info trap_ctxt[256];
    uint64_t ldt_base, ldt_ents;
    uint64_t gdt_frames[16], gdt_ents;
    uint64_t kernel_ss, kernel_sp;
    uint64_t ctrlreg[8];
    uint64_t debugreg[8];
    uint64_t event_callback_eip, failsafe_callback_eip, syscall_callback_eip;
    uint64_t vm_assist;
    uint64_t fs_base, gs_base_kernel, gs_base_user;
};

/* Grant tables. */
#define GNTTABOP_map_grant_ref 0
#define GNTTABOP_unmap_grant_ref 1
#define GNTTABOP_setup_table 2
#define GNTTABOP_transfer 4
#define GNTTABOP_copy 5
#define GNTTABOP_query_size 6
#define GNTTABOP_unmap_and_replace 7
#define GNTTABOP_set_version 8
#define GNTTABOP_get_status_frames 9
#define GNTTABOP_get_version 10
#define GNTTABOP_swap_grant_ref 11
#define GNTTABOP_cache_flush 12
struct grant_entry_v1 {
    uint16_t flags;
    uint16_t domid;
    uint32_t frame;
};
union grant_entry_v2 {
    struct {
        uint16_t flags, domid;
        uint32_t pad;
        uint64_t frame;
    } full_page;
    struct {
        uint16_t flags, domid;
        uint16_t page_off, length;
        uint64_t frame;
    } sub_page;
    struct {
        uint16_t flags, domid;
        uint16_t trans_domid, pad;
        uint32_t gref, pad1;
    } transitive;
};
#define GTF_permit_access 1
#define GTF_accept_transfer 2
#define GTF_transitive 3
#define GTF_transfer_committed 4
#define GTF_transfer_completed 8
#define GTF_sub_page 256
#define GTF_readonly 4
#define GTF_reading 8
#define GTF_writing 16
struct gnttab_map_grant_ref {
    uint64_t host_addr;
    uint32_t flags;
    uint32_t ref;
    uint16_t dom;
    int16_t status;
    uint32_t handle;
    uint64_t dev_bus_addr;
};
#define GNTMAP_device_map 1
#define GNTMAP_host_map 2
#define GNTMAP_readonly 4
#define GNTMAP_application_map 8
#define GNTMAP_contains_pte 16
struct gnttab_unmap_grant_ref {
    uint64_t host_addr;
    uint64_t dev_bus_addr;
    uint32_t handle;
    int16_t status;
};
struct gnttab_setup_table {
    uint16_t dom;
    uint32_t nr_frames;
    int16_t status;
    uint64_t frame_list;
};
struct gnttab_query_size {
    uint16_t dom;
    uint32_t nr_frames, max_nr_frames;
    int16_t status;
};
struct gnttab_copy {
    struct {
        union {
            uint32_t ref;
            uint64_t gmfn;
        } u;
        uint16_t domid;
        uint16_t offset;
    } source, dest;
    uint16_t len;
    uint16_t flags;
    int16_t status;
};
struct gnttab_unmap_and_replace {
    uint64_t host_addr, new_addr;
    uint32_t handle;
    int16_t status;
};
struct gnttab_transfer {
    uint64_t mfn;
    uint16_t domid;
    uint32_t ref;
    int16_t status;
};
struct gnttab_set_version {
    uint32_t version;
};
struct gnttab_get_version {
    uint16_t dom, pad;
    uint32_t version;
};
struct gnttab_get_status_frames {
    uint32_t nr_frames;
    uint16_t dom;
    int16_t status;
    uint64_t frame_list;
};
struct gnttab_swap_grant_ref {
    uint32_t ref_a, ref_b;
    int16_t status;
};
struct gnttab_cache_flush {
    uint64_t dev_bus_addr;
    uint16_t offset, length;
    uint32_t op;
};
#define GNTTAB_CACHE_CLEAN 1
#define GNTTAB_CACHE_INVAL 2
#define GNTCOPY_source_gref 1
#define GNTCOPY_dest_gref 2
#define GNTST_okay 0
#define GNTST_general_error (-1)
#define GNTST_bad_domain (-2)
#define GNTST_bad_gntref (-3)
#define GNTST_bad_handle (-4)
#define GNTST_no_device_space (-7)
#define GNTST_permission_denied (-8)
#define GNTST_bad_page (-9)
#define GNTST_bad_copy_arg (-10)

/* xenstore (io/xs_wire.h). */
enum xs_type {
    XS_CONTROL, XS_DIRECTORY, XS_READ, XS_GET_PERMS, XS_WATCH, XS_UNWATCH, XS_TRANSACTION_START, XS_TRANSACTION_END,
    XS_INTRODUCE, XS_RELEASE, XS_GET_DOMAIN_PATH, XS_WRITE, XS_MKDIR, XS_RM, XS_SET_PERMS, XS_WATCH_EVENT, XS_ERROR,
    XS_IS_DOMAIN_INTRODUCED, XS_RESUME, XS_SET_TARGET, XS_RESET_WATCHES = 21, XS_DIRECTORY_PART
};
struct xsd_sockmsg {
    uint32_t type, req_id, tx_id, len;
};
#define XENSTORE_RING_SIZE 1024
struct xenstore_domain_interface {
    char req[XENSTORE_RING_SIZE];
    char rsp[XENSTORE_RING_SIZE];
    uint32_t req_cons, req_prod;
    uint32_t rsp_cons, rsp_prod;
    uint32_t server_features, connection, error;
};

_Static_assert(sizeof(struct start_info) == 0x490, "start_info");
_Static_assert(sizeof(struct vcpu_info) == 0x40, "vcpu_info");
_Static_assert(offsetof(struct shared_info, wc_version) == 0xc00, "shared_info");
_Static_assert(offsetof(struct xencons_interface, in_cons) == 0xc00, "xencons_interface");
_Static_assert(sizeof(struct trap_info) == 0x10, "trap_info");
_Static_assert(sizeof(struct multicall_entry) == 0x40, "multicall_entry");
_Static_assert(sizeof(struct mmuext_op) == 0x18, "mmuext_op");
_Static_assert(sizeof(struct gnttab_map_grant_ref) == 0x20, "gnttab_map_grant_ref");
_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == 0x18, "gnttab_unmap_grant_ref");
_Static_assert(sizeof(struct gnttab_copy) == 0x28, "gnttab_copy");
_Static_assert(sizeof(struct xen_memory_reservation) == 0x20, "xen_memory_reservation");
_Static_assert(sizeof(struct evtchn_status) == 0x18, "evtchn_status");
_Static_assert(sizeof(struct xen_memory_exchange) == 0x48, "xen_memory_exchange");
_Static_assert(sizeof(struct evtchn_init_control) == 0x18, "evtchn_init_control");
_Static_assert(sizeof(struct evtchn_fifo_control_block) == 0x48, "evtchn_fifo_control_block");
_Static_assert(sizeof(struct cpu_user_regs) == 0xc8, "cpu_user_regs");
_Static_assert(sizeof(struct vcpu_guest_context) == 0x1430, "vcpu_guest_context");
_Static_assert(sizeof(union grant_entry_v2) == 0x10, "grant_entry_v2");
_Static_assert(sizeof(struct gnttab_transfer) == 0x18, "gnttab_transfer");
_Static_assert(sizeof(struct xenstore_domain_interface) == 0x81c, "xenstore_domain_interface");

#endif
