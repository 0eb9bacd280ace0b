# Three instruction sets and two byte orders in one session: an inferior for each cluster.
add-inferior
inferior 2
file machines/firmware/trio/m4.elf
attach 2
add-inferior
inferior 3
file machines/firmware/trio/rv.elf
attach 3
set schedule-multiple on
info threads
break mailbox_irq
continue
x/i $pc
info registers pc
inferior 1
continue
x/i $pc
bt 2
detach
