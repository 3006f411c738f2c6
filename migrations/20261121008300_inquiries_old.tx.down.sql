DROP INDEX inquiries_unpaid;
